"""What goes wrong with an address, as a sentence with the right cure."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException
from mlflow.server.security_utils import INVALID_HOST_MSG
from mlflow.utils.rest_utils import verify_rest_response
from requests import Response

from sweep.errors import SweepError
from sweep.tracking.failures import as_user_errors


def refusal(body: str) -> MlflowException:
    """What MLflow's client raises for a 403."""
    response = Response()
    response.status_code, response._content = 403, body.encode()
    with pytest.raises(MlflowException) as raised:
        verify_rest_response(response, "/api/2.0/mlflow/experiments/get-by-name")
    return raised.value


def test_a_server_that_does_not_know_its_name_needs_no_password() -> None:
    with pytest.raises(SweepError) as told, as_user_errors("http://me:secret@gpu1:5000"):
        raise refusal(INVALID_HOST_MSG)
    assert "--allowed-hosts 'gpu1,gpu1:5000,localhost:*'" in str(told.value)
    assert "PASSWORD" not in str(told.value) and "secret" not in str(told.value)


def test_a_server_that_refuses_needs_one() -> None:
    with pytest.raises(SweepError, match="MLFLOW_TRACKING_USERNAME"), as_user_errors("http://gpu1:5000"):
        raise refusal("Forbidden")
