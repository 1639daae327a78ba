"""What is written to the site, target by target: areas, recaps, roots, open data, warnings, pictures."""
