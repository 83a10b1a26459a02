"""What the rooms of `src` hand each other: files of a run, its record, the plan. Standard library, imports nobody."""
