mock_provider "google" {
  source = "../../mocks"
}

variables {
  project  = "acme-fairlead"
  prefix   = "acme-fairlead"
  location = "europe-west1"
  buckets = {
    bundles   = { old_versions_days = 365 }
    pipelines = { delete_after_days = 30 }
    data      = { nearline_after_days = 90 }
  }
}

run "no_bucket_can_be_made_public" {
  command = plan

  assert {
    condition     = length(google_storage_bucket.this) == 3 && alltrue([for b in google_storage_bucket.this : b.public_access_prevention == "enforced"])
    error_message = "A bucket can be opened to everybody."
  }
  assert {
    condition     = alltrue([for b in google_storage_bucket.this : b.uniform_bucket_level_access])
    error_message = "A bucket has rights on single objects, which nobody would see."
  }
}

run "what_is_overwritten_can_be_had_back" {
  command = plan

  assert {
    condition     = alltrue([for b in google_storage_bucket.this : b.versioning[0].enabled])
    error_message = "A bucket forgets what is overwritten."
  }
  assert {
    condition     = alltrue([for b in google_storage_bucket.this : b.soft_delete_policy[0].retention_duration_seconds == 7 * 86400])
    error_message = "A deleted object cannot be restored for a week."
  }
  assert {
    condition     = alltrue([for b in google_storage_bucket.this : b.force_destroy == false])
    error_message = "A bucket may be destroyed with its objects although nobody said so."
  }
}

run "live_objects_are_deleted_only_where_it_was_asked_for" {
  command = plan

  assert {
    condition = { for name, b in google_storage_bucket.this : name => [
      for r in [for every in b.lifecycle_rule : every if one(every.action).type == "Delete"] : one(r.condition).age if one(r.condition).with_state != "ARCHIVED"
    ] } == { bundles = [], pipelines = [30], data = [] }
    error_message = "A rule deletes objects that are not old versions."
  }
  assert {
    condition     = alltrue([for name, b in google_storage_bucket.this : one([for r in [for every in b.lifecycle_rule : every if one(every.action).type == "Delete"] : one(r.condition).days_since_noncurrent_time if one(r.condition).with_state == "ARCHIVED"]) == var.buckets[name].old_versions_days])
    error_message = "Old versions go sooner or later than was asked for."
  }
  assert {
    condition     = [for r in google_storage_bucket.this["data"].lifecycle_rule : one(r.action).storage_class if one(r.action).type == "SetStorageClass"] == ["NEARLINE"]
    error_message = "Old data is not moved to cheaper storage."
  }
}

run "encrypted_with_the_key_that_is_given" {
  command = plan
  variables {
    kms_key = "projects/p/locations/l/keyRings/r/cryptoKeys/storage"
  }

  assert {
    condition     = alltrue([for b in google_storage_bucket.this : b.encryption[0].default_kms_key_name == var.kms_key])
    error_message = "A bucket is not encrypted with the key."
  }
}

run "bad_values_are_refused" {
  command = plan
  variables {
    prefix  = "Google_Bucket"
    buckets = { a = { soft_delete_days = 3 }, b = { old_versions_days = 0 } }
  }
  expect_failures = [var.prefix, var.buckets]
}
