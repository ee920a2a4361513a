"""YAML text to the same specs in one layout: the order of the documentation, comments kept.

It stands in the compiler because the order of keys comes from the models of `spec`, and the places of
what is moved from `source`: this is the first package that sees both.
"""
