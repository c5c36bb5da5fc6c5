# Who may do what: one Google service account for each workload, which its Kubernetes service account becomes (workload
# identity: no key is ever made), and roles on single buckets, never on the project.

locals {
  roles = {
    read  = "roles/storage.objectViewer" # list and read objects
    write = "roles/storage.objectUser"   # that, and write and delete them; not the bucket, not who may
  }
  grants = merge([
    for name, workload in var.workloads : {
      for bucket, access in workload.buckets : "${name}/${bucket}" => { workload = name, bucket = bucket, access = access }
    }
  ]...)
}

resource "google_service_account" "workload" {
  for_each     = var.workloads
  project      = var.project
  account_id   = "${var.prefix}-${each.key}"
  display_name = "Fairlead: ${each.key} (${each.value.namespace}/${each.value.service_account})"
}

resource "google_service_account_iam_member" "workload_identity" {
  for_each           = var.workloads
  service_account_id = google_service_account.workload[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.workload_pool}[${each.value.namespace}/${each.value.service_account}]"
}

resource "google_storage_bucket_iam_member" "workload" {
  for_each = local.grants
  bucket   = var.buckets[each.value.bucket]
  role     = local.roles[each.value.access]
  member   = "serviceAccount:${google_service_account.workload[each.value.workload].email}"
}
