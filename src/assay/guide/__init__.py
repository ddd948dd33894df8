"""What should I do next? Reads verdicts and budgets, proposes priced actions."""
