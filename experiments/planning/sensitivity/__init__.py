"""What a plan rests on: which input changes the choice, and which one moves the bill."""
