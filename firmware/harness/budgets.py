"""The budgets."""


def budget_rows(table):
    """Nothing yet."""
