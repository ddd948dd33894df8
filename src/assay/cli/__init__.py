"""What people type: one file a verb, loaded when the verb is used."""
