"""What people say of a train."""

from __future__ import annotations

from accounts.models import User
from releases.services.written import write_down
from trains.models import Train, TrainComment


def comment_on_train(*, actor: User, train: Train, text: str) -> TrainComment:
    """Raises as :func:`releases.services.written.write_down`."""
    row = TrainComment(train=train)
    write_down(row, "train_comment", actor=actor, project_id=train.space.project_id, text=text)
    return row
