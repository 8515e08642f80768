"""The rules of `comparisons`, `constraints` and `score` for a handful of pairs, on plain numbers, pair by pair.

What columns of numbers tell of a million pairs they tell of four at the price of some four hundred steps. Here a pair costs
what is compared of it. Levels, vetoes and weights are the same to the last bit; the tests hold both against each other.
"""
