"""What comes from outside, files and words: what they may be before they are used."""
