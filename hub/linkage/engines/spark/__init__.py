"""The same search on Spark, for registers that one machine does not hold: the same pairs, weights and persons.

Workers read their share of the records by column, as one machine reads all of them, and weigh pairs with the same
functions; Spark brings together what shares a key. Only pairs that speak for one person, few beside the records, come to
the driver, which groups them. Needs the extra `spark` and Java.
"""
