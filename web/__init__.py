"""What people see: pages, feeds and assets. Knows nothing of AWS or of where reports are stored."""
