def totals_add_up(outputs):
    return []
