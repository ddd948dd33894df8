"""Which label next? What was handed out for labelling, to judge which candidate, and what came back."""
