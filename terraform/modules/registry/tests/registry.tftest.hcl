mock_provider "google" {
  source = "../../mocks"
}

variables {
  project  = "acme-fairlead"
  location = "europe-west1"
  name     = "fairlead-dev"
  readers  = { nodes = "nodes@acme-fairlead.iam.gserviceaccount.com" }
  writers  = { ci = "ci@acme-fairlead.iam.gserviceaccount.com" }
}

run "a_tag_never_moves" {
  command = plan

  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags
    error_message = "A tag can be pushed again, and mean another image."
  }
  assert {
    condition     = output.images == "europe-west1-docker.pkg.dev/acme-fairlead/fairlead-dev"
    error_message = "Images are named ${output.images}."
  }
}

run "only_images_without_a_tag_are_cleaned_up" {
  command = plan

  assert {
    condition     = google_artifact_registry_repository.images.cleanup_policy_dry_run == false
    error_message = "Cleaning up is only pretended."
  }
  assert {
    condition     = alltrue([for p in google_artifact_registry_repository.images.cleanup_policies : p.condition[0].tag_state == "UNTAGGED" if p.action == "DELETE"])
    error_message = "A rule deletes images that have a tag."
  }
  assert {
    condition     = one([for p in google_artifact_registry_repository.images.cleanup_policies : p.most_recent_versions[0].keep_count if p.action == "KEEP"]) == 20
    error_message = "The newest versions are not kept."
  }
}

run "nodes_pull_and_ci_pushes" {
  command = plan

  assert {
    condition     = google_artifact_registry_repository_iam_member.reader["nodes"].role == "roles/artifactregistry.reader"
    error_message = "Nodes may do more than pull."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.writer["ci"].role == "roles/artifactregistry.writer"
    error_message = "CI may do more than push."
  }
}

run "bad_values_are_refused" {
  command = plan
  variables {
    name          = "Fairlead"
    keep_versions = 1
  }
  expect_failures = [var.name, var.keep_versions]
}
