"""What is compared and what it runs on, as data: designs, parts, settings.

In: names, numbers and words of a user. Out: checked values, or a refusal.
It may import the ground floor alone (errors, units, files); never torch.
"""
