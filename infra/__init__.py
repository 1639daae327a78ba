"""Running it: everything on one machine, demo reports, rebuilding, deploying. Never part of the bundle."""
