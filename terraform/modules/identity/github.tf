# GitHub's workflows become a service account by the token that GitHub signs for each run: no key is stored there. It
# pushes images (the registry grants that) and nothing else.

resource "google_iam_workload_identity_pool" "github" {
  count                     = var.github == null ? 0 : 1
  project                   = var.project
  workload_identity_pool_id = "${var.prefix}-github"
  display_name              = "GitHub"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  count                              = var.github == null ? 0 : 1
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }
  # The owner by number: a name that was given up can be taken by somebody else. Pull requests run on other refs.
  attribute_condition = join(" && ", [
    "assertion.repository == '${var.github.repository}'",
    "assertion.repository_owner_id == '${var.github.owner_id}'",
    "assertion.ref in [${join(", ", [for ref in var.github.refs : "'${ref}'"])}]",
  ])
}

resource "google_service_account" "ci" {
  count        = var.github == null ? 0 : 1
  project      = var.project
  account_id   = "${var.prefix}-ci"
  display_name = "Fairlead: images from ${var.github.repository}"
}

resource "google_service_account_iam_member" "ci" {
  count              = var.github == null ? 0 : 1
  service_account_id = google_service_account.ci[0].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.repository/${var.github.repository}"
}
