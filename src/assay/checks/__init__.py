"""What joins the areas: declared checks are selected, evaluated and committed."""
