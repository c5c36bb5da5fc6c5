"""Which steps run in which order, and where: on this machine or on Kubeflow."""
