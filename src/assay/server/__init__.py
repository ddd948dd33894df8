"""The judge as a service: predictions come in, disclosed verdicts go out."""
