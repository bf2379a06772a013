"""Pages of the office."""

from django.http import HttpResponse, JsonResponse
from django.urls import path


def healthy(_request):
    """Tell the platform that the process answers."""
    return HttpResponse(status=204)


def front(_request):
    """List what the office can do."""
    return JsonResponse({"pages": ["articles", "orders", "customers"]})


urlpatterns = [path("healthz", healthy), path("", front)]
