"""A network whose blocks are taken apart, to look at each of its layers."""

import keras


def without_blocks(model):
    """Return the same network with each layer on its own, and no model inside it.

    Keras connects the layers of a block among themselves, not with the network that
    the block stands in: what they compute there cannot be asked for.

    Args:
        model: a built keras.Model, Sequential or functional.

    Returns:
        keras.Model: the model itself where no model is inside it; else one of copies,
        with the weights that the layers have now.
    """
    if not any(map(_is_block, model.layers)):
        return model
    flat = _taken_apart(model)
    # A layer's output is where it was called first, which was in its block.
    once_more = keras.models.clone_model(flat)
    once_more.set_weights(flat.get_weights())
    return once_more


def _taken_apart(model):
    """Return copies of a model's layers, connected; those of its blocks among them."""
    copies = {}

    def copy(layer):
        if layer in copies or not isinstance(layer, keras.Layer):  # keras.ops: a sum
            return copies.get(layer, layer)
        if _is_block(layer):
            copies[layer] = _taken_apart(layer)
        else:  # two blocks may use one name
            config = layer.get_config() | {"name": None}
            copies[layer] = type(layer).from_config(config)
        return copies[layer]

    def call(layer, *inputs, **options):
        # A block's call() calls its layers here, and leaves no block behind.
        return (layer.call if _is_block(layer) else layer)(*inputs, **options)

    one_or_all = (
        tensors[0] if len(tensors) == 1 else tensors
        for tensors in (model.inputs, model.outputs)
    )
    functional = keras.Model(*one_or_all)  # Sequential or not
    flat = keras.models.clone_model(functional, None, copy, call)
    for layer, its_copy in copies.items():
        if not _is_block(layer):
            its_copy.set_weights(layer.get_weights())
    return flat


def _is_block(layer):
    """Tell whether a layer is a model whose own layers are connected."""
    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))
