"""Designs, parts and settings as data: what is compared, and what it runs on.

In: names, numbers and words of a user. Out: checked values, or a refusal.
It may import the ground floor alone; never torch.

Where: a dtype, a mode or a default is in ``words``, the words for devices in ``device``; an
attention variant in ``variants``, a published model in ``published``, what a network is made of in
``spec``; what the command line names together (a model, an image, R) in ``workload``.
"""
