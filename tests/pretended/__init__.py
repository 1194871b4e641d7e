"""A GPU that is not there: put in the place of torch.cuda when Python starts."""
