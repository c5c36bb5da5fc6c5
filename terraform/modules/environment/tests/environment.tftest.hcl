mock_provider "google" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  environment          = "dev"
  project              = "acme-fairlead-dev"
  region               = "europe-west1"
  zone                 = "europe-west1-b"
  highly_available     = false
  protected            = false
  own_keys             = false
  release_channel      = "RAPID"
  binary_authorization = "audit"
  run_artifacts_days   = 30
  redis_memory_gb      = 1
  postgres             = { tier = "db-g1-small" }
  pools = {
    system   = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 3 }
    serving  = { machine_type = "e2-standard-2", min_nodes = 0, max_nodes = 2 }
    training = { machine_type = "e2-standard-8", min_nodes = 0, max_nodes = 2, spot = true, tainted = true }
  }
}

run "one_zone_unless_highly_available" {
  command = plan

  assert {
    condition     = output.cluster.location == "europe-west1-b"
    error_message = "The cluster is in ${output.cluster.location}."
  }
  assert {
    condition     = length(module.encryption) == 0
    error_message = "There are keys although nobody asked for them."
  }
  assert {
    condition     = output.ci == null
    error_message = "There is an account for workflows of no repository."
  }
}

run "three_zones_and_keys_when_asked_for" {
  command = plan
  variables {
    highly_available = true
    own_keys         = true
  }

  assert {
    condition     = output.cluster.location == "europe-west1"
    error_message = "The cluster is in ${output.cluster.location}."
  }
  assert {
    condition     = length(module.encryption[0].keys) == 5
    error_message = "A store has no key."
  }
}

run "an_unprotected_prod_is_refused" {
  command = plan
  variables {
    environment = "prod"
    protected   = false
  }
  expect_failures = [var.protected]
}

run "bad_values_are_refused" {
  command = plan
  variables {
    environment        = "test"
    project            = "Acme"
    zone               = "us-central1-a"
    run_artifacts_days = 1
  }
  expect_failures = [var.environment, var.project, var.zone, var.run_artifacts_days]
}

run "a_zone_for_a_region_is_refused" {
  command = plan
  variables {
    region = "europe-west1-b"
    zone   = "europe-west1-c"
  }
  expect_failures = [var.region]
}
