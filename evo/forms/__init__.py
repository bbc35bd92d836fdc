"""What a solution may be beside the correctness of its blocks: texts, or words of 64 blocks."""
