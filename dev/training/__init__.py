"""How the weights in `upscale_models/weights` were made: pictures to learn from, training and export."""
