"""What the suites expect: literals and closed forms that import nothing of what is measured."""
