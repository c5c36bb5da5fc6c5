# What tests are told of resources that are not there: values of the form that the provider takes elsewhere.

mock_data "google_project" {
  defaults = {
    number = "123456789"
  }
}

mock_data "google_storage_project_service_account" {
  defaults = {
    email_address = "service-123456789@gs-project-accounts.iam.gserviceaccount.com"
  }
}

mock_resource "google_service_account" {
  defaults = {
    email = "someone@acme-fairlead.iam.gserviceaccount.com"
    name  = "projects/acme-fairlead/serviceAccounts/someone@acme-fairlead.iam.gserviceaccount.com"
  }
}

mock_resource "google_iam_workload_identity_pool" {
  defaults = {
    name = "projects/123456789/locations/global/workloadIdentityPools/fairlead-dev-github"
  }
}

mock_resource "google_compute_network" {
  defaults = {
    id = "projects/acme-fairlead/global/networks/fairlead"
  }
}

mock_resource "google_compute_subnetwork" {
  defaults = {
    id = "projects/acme-fairlead/regions/europe-west1/subnetworks/fairlead-cluster"
  }
}

mock_resource "google_kms_key_ring" {
  defaults = {
    id = "projects/acme-fairlead/locations/europe-west1/keyRings/fairlead"
  }
}

mock_resource "google_kms_crypto_key" {
  defaults = {
    id = "projects/acme-fairlead/locations/europe-west1/keyRings/fairlead/cryptoKeys/one"
  }
}
