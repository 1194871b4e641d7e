"""The closed forms: MACs, params, bytes moved and live bytes of an operator list.

In: a design, a part and a setting. Out: whole numbers.
It may import designs and the ground floor; never torch, models or observe.
"""
