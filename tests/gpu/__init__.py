"""What only a real GPU can say: contract tests, and a day on a card in one command (`make gpu`)."""
