mock_provider "google" {
  source          = "../../mocks"
  override_during = plan
}

variables {
  project        = "acme-fairlead"
  project_number = "123456789"
  name           = "fairlead-prod"
  region         = "europe-west1"
}

run "each_store_has_a_key_of_its_own" {
  command = plan

  assert {
    condition     = toset(keys(output.keys)) == toset(["storage", "registry", "cluster", "database", "redis"])
    error_message = "Keys are ${join(", ", keys(output.keys))}."
  }
  assert {
    condition     = alltrue([for k in google_kms_crypto_key.this : tonumber(trimsuffix(k.rotation_period, "s")) <= 90 * 86400])
    error_message = "A key is turned over less often than every 90 days."
  }
  assert {
    condition     = alltrue([for g in google_kms_crypto_key_iam_member.agent : g.role == "roles/cloudkms.cryptoKeyEncrypterDecrypter" && startswith(g.member, "serviceAccount:service-123456789@")])
    error_message = "Somebody other than Google's agents may use a key, or an agent may do more than use it."
  }
}

run "a_project_number_is_digits" {
  command = plan
  variables {
    project_number = "acme-fairlead"
  }
  expect_failures = [var.project_number]
}
