# Keys of our own for what is kept (CMEK): one for each kind of store, turned over every 90 days. Only the service that
# keeps the data may use its key.

# Asking for it makes it, where the project has kept nothing in a bucket yet.
data "google_storage_project_service_account" "this" {
  project = var.project
}

locals {
  agents = {
    storage  = data.google_storage_project_service_account.this.email_address
    registry = "service-${var.project_number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    cluster  = "service-${var.project_number}@container-engine-robot.iam.gserviceaccount.com"
    database = "service-${var.project_number}@gcp-sa-cloud-sql.iam.gserviceaccount.com"
    redis    = "service-${var.project_number}@cloud-redis.iam.gserviceaccount.com"
  }
}

# A key ring and its keys can never be deleted; a second environment of the same name finds them there.
resource "google_kms_key_ring" "this" {
  project  = var.project
  name     = var.name
  location = var.region
}

resource "google_kms_crypto_key" "this" {
  for_each        = local.agents
  name            = each.key
  key_ring        = google_kms_key_ring.this.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = "7776000s"
  # Time to notice that a key is being destroyed, and with it all that it encrypts.
  destroy_scheduled_duration = "2592000s"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each      = local.agents
  crypto_key_id = google_kms_crypto_key.this[each.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}
