"""Vision-language models that the network is built on; `build` has them by name."""
