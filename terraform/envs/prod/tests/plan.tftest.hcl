# The whole environment is planned with the provider mocked; tests/terraform/ looks at every resource of the plan besides.
mock_provider "google" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  project = "acme-fairlead-prod"
  github  = { repository = "acme/fairlead", owner_id = "42" }
}

run "the_overlays_get_what_they_need" {
  command = plan

  assert {
    condition     = output.fairlead.settings.FAIRLEAD_BUNDLE_STORE == "gs://acme-fairlead-prod-bundles/bundles"
    error_message = "Bundles are kept in ${output.fairlead.settings.FAIRLEAD_BUNDLE_STORE}."
  }
  assert {
    condition     = output.fairlead.images == "europe-west1-docker.pkg.dev/acme-fairlead-prod/fairlead-prod"
    error_message = "Images are named ${output.fairlead.images}."
  }
  assert {
    condition = toset(keys(output.fairlead.service_accounts)) == toset([
      "features/feast", "features/feast-materialize", "kubeflow/pipeline-runner", "mlflow/mlflow",
      "models/fairlead-monitoring", "models/fairlead-rollout", "models/fairlead-serving",
    ])
    error_message = "Accounts are for ${join(", ", keys(output.fairlead.service_accounts))}."
  }
  assert {
    condition     = output.fairlead.cluster.name == "fairlead-prod"
    error_message = "The cluster is ${output.fairlead.cluster.name}."
  }
}
