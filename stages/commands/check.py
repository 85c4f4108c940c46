"""Check params.yaml and what it points to, before DVC reads it.

python -m stages.commands.check     # `make repro` does this first
"""

from stages.common.artefacts import DRAWN_IMAGES, SAMPLE_URLS
from stages.common.cli import StageError, run
from stages.common.settings import Params, load_params
from stages.dataset.storage import require_folder_of_its_own, require_plain_entries


def main() -> None:
    """Raise StageError for the first of these that finds a slip in params.yaml."""
    params = load_params()
    for check in (data_is_there, levels_are_of_checks, settings_are_of_the_network, augment_is_of_corruptions):
        check(params)


def data_is_there(params: Params) -> None:
    """The data that no stage makes is there, and DVC can read it.

    DVC looks at it before any stage can: in its words a mistyped data.urls "could not be found", at a name in
    Latin-1 it names no file, and at a pipe it waits for ever.
    """
    data = params.data
    if data.images != DRAWN_IMAGES and not data.images.exists():
        raise StageError(f"{data.images} is not there; set data.images in params.yaml to your folder of images")
    require_folder_of_its_own(data.images)
    require_plain_entries(data.images)
    if data.urls != SAMPLE_URLS and not data.urls.exists():
        raise StageError(f"{data.urls} is not there; set data.urls in params.yaml to your url,label table")


def levels_are_of_checks(params: Params) -> None:
    """validate.levels names checks of the gate."""
    from stages.gate.audit import levels_of_checks  # which loads scikit-learn

    levels_of_checks(params)


def augment_is_of_corruptions(params: Params) -> None:
    """`augment` names corruptions, with severities that they can have, for a network that takes pictures."""
    from stages.network.architecture import chosen
    from stages.network.corruption import check_augment  # which loads SciPy

    check_augment(params.augment, chosen(params.model)[0].input)


def settings_are_of_the_network(params: Params) -> None:
    """The keys of section model are those of the architecture that it names."""
    from stages.network.architecture import chosen

    chosen(params.model)


if __name__ == "__main__":
    run(main)
