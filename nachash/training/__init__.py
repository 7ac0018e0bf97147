"""The training loop: schedule, arithmetic, random numbers, log and checkpoint of any method."""
