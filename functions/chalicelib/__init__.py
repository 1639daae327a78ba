"""What runs in Lambda: the rules of reports, the ways in and out, and where they are stored."""
