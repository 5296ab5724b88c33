"""发布日历: what a month holds, and a day of it item by item. The same few queries for any number of items."""

from desk.calendar.days import Day, Month, OnDay, answered, read_day, read_month
from desk.calendar.items import Item
from desk.calendar.wanted import KINDS, Wanted

__all__ = ["KINDS", "Day", "Item", "Month", "OnDay", "Wanted", "answered", "read_day", "read_month"]
