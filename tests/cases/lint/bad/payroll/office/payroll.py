"""What the office does."""


def pay_wage(name: str, cents: int) -> str:
    """Pay one wage."""
    return f"{name} {cents}"


def look_up(name: str) -> str:
    """The bank account of an employee."""
    return name


def send_notice(name: str) -> str:
    """Tell an employee that the wage is paid."""
    return name


def slow_report(month: str) -> str:
    """The report of a month."""
    return month
