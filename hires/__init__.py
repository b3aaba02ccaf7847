"""Host-free maths of hires fix: sizes, steps, noise, schedules, latent resize, resampling, tiles."""
