"""What stands behind the desk: accounts and agencies, queues, routing rules, and words to choose from."""
