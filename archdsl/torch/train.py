from archdsl.torch.module import Module
TRAINER = ""
class Train(Module):
    pass
