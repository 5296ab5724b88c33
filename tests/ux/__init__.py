"""What people see and how much they must do for it: pictures, contrast, words that fit, budgets, counted tasks."""
