# Addresses of accounts are made up by name, so that who gets what can be read in a plan.
mock_provider "google" {
  source          = "../../mocks"
  override_during = plan
}

override_resource {
  target          = google_service_account.workload["serving"]
  override_during = plan
  values = {
    email = "serving@acme-fairlead.iam.gserviceaccount.com"
    name  = "projects/acme-fairlead/serviceAccounts/serving@acme-fairlead.iam.gserviceaccount.com"
  }
}

variables {
  project       = "acme-fairlead"
  prefix        = "fairlead-dev"
  workload_pool = "acme-fairlead.svc.id.goog"
  buckets       = { bundles = "acme-fairlead-bundles", data = "acme-fairlead-data" }
  workloads = {
    serving   = { namespace = "models", service_account = "fairlead-serving", buckets = { bundles = "read" } }
    pipelines = { namespace = "kubeflow", service_account = "pipeline-runner", buckets = { bundles = "write", data = "read" } }
    rollout   = { namespace = "models", service_account = "fairlead-rollout" }
  }
  github = { repository = "acme/fairlead", owner_id = "42" }
}

run "serving_reads_bundles_and_nothing_else" {
  command = plan

  assert {
    condition = [
      for g in google_storage_bucket_iam_member.workload : "${g.bucket} ${g.role}" if g.member == "serviceAccount:serving@acme-fairlead.iam.gserviceaccount.com"
    ] == ["acme-fairlead-bundles roles/storage.objectViewer"]
    error_message = "Serving may do other than read bundles."
  }
}

run "roles_are_on_single_buckets_and_give_no_control_of_them" {
  command = plan

  assert {
    condition = { for name, g in google_storage_bucket_iam_member.workload : name => g.role } == {
      "pipelines/bundles" = "roles/storage.objectUser"
      "pipelines/data"    = "roles/storage.objectViewer"
      "serving/bundles"   = "roles/storage.objectViewer"
    }
    error_message = "A role is missing, too many or too wide."
  }
  assert {
    condition     = alltrue([for g in google_storage_bucket_iam_member.workload : startswith(g.member, "serviceAccount:")])
    error_message = "Somebody other than a service account has a role on a bucket."
  }
}

run "only_the_named_kubernetes_account_becomes_the_google_one" {
  command = plan

  assert {
    condition = { for name, g in google_service_account_iam_member.workload_identity : name => "${g.role} ${g.member}" } == {
      serving   = "roles/iam.workloadIdentityUser serviceAccount:acme-fairlead.svc.id.goog[models/fairlead-serving]"
      pipelines = "roles/iam.workloadIdentityUser serviceAccount:acme-fairlead.svc.id.goog[kubeflow/pipeline-runner]"
      rollout   = "roles/iam.workloadIdentityUser serviceAccount:acme-fairlead.svc.id.goog[models/fairlead-rollout]"
    }
    error_message = "Other pods than those of the workload become it."
  }
  assert {
    condition     = output.annotations["models/fairlead-serving"] == "serving@acme-fairlead.iam.gserviceaccount.com"
    error_message = "The annotation names ${output.annotations["models/fairlead-serving"]}."
  }
}

run "github_is_believed_for_one_repository_and_branch" {
  command = plan

  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.repository == 'acme/fairlead' && assertion.repository_owner_id == '42' && assertion.ref in ['refs/heads/main']"
    error_message = "Other workflows are believed: ${google_iam_workload_identity_pool_provider.github[0].attribute_condition}"
  }
  assert {
    condition     = google_service_account_iam_member.ci[0].member == "principalSet://iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/fairlead-dev-github/attribute.repository/acme/fairlead"
    error_message = "The account is given to ${google_service_account_iam_member.ci[0].member}."
  }
}

run "without_a_repository_github_is_not_believed_at_all" {
  command = plan
  variables {
    github = null
  }

  assert {
    condition     = length(google_iam_workload_identity_pool.github) == 0 && length(google_service_account.ci) == 0 && output.ci == null
    error_message = "There is a pool or an account for workflows of no repository."
  }
}

run "access_that_is_neither_read_nor_write_is_refused" {
  command = plan
  variables {
    workloads = { serving = { namespace = "models", service_account = "fairlead-serving", buckets = { bundles = "admin" } } }
  }
  expect_failures = [var.workloads]
}

run "the_default_service_account_is_refused" {
  command = plan
  variables {
    workloads = { serving = { namespace = "models", service_account = "default" } }
  }
  expect_failures = [var.workloads]
}

run "two_workloads_of_one_kubernetes_account_are_refused" {
  command = plan
  variables {
    workloads = {
      serving = { namespace = "models", service_account = "one" }
      rollout = { namespace = "models", service_account = "one" }
    }
  }
  expect_failures = [var.workloads]
}

run "pull_requests_and_names_for_numbers_are_refused" {
  command = plan
  variables {
    prefix = "fairlead-development"
    github = { repository = "acme/fairlead", owner_id = "acme", refs = ["refs/pull/1/merge"] }
  }
  expect_failures = [var.github, var.prefix]
}
