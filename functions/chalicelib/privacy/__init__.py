"""What keeps people unseen: contact data apart, numbers taken out of words, erasing, and time limits."""
