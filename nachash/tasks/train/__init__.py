"""`train`: images or cached features -> an objective -> a model directory."""
