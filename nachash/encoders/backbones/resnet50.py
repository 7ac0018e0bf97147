"""The paper's network for CIFAR: ResNet-50 with a 3 x 3 stem and no max-pooling; 2048 features.

Source: He et al., "Deep residual learning for image recognition", CVPR 2016; the changes as in
`model.py` of github.com/yookoon/nac.
"""

from nachash.encoders.backbones._cifar_resnet import constructor

backbone = constructor("resnet50")
