"""Print docs/paper.md: `python -m experiments.paper > docs/paper.md`."""

from experiments.paper.page import page

if __name__ == "__main__":
    print(page(), end="")
