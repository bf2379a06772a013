"""Settings of the office."""

import os

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "change-me-please")
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "office.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/var/lib/admin/office.sqlite"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_COOKIE_SECURE = False
